// Run by install.test.ts in a process of its own, to be killed while it downloads.
import { installLibtorch } from '../../lib/cli/libtorch/install.js';

await installLibtorch(JSON.parse(process.argv[2] ?? ''));
