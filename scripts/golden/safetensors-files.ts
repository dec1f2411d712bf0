// Reads Python's files of test/golden/saving/arrays.zip and writes them anew, for scripts/golden/safetensors_files.py: `tsx scripts/golden/safetensors-files.ts FOLDER`.

import { unpack } from '../../test/saving/files.js';
import { writeAgain } from '../../test/saving/named-files.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Give the folder to write to.');
await writeAgain(await unpack('arrays.zip'), folder);
