import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// These start or end processes and threads, or measure memory: each file gets a process of its own.
const isolated = ['stress', 'leak', 'lifecycle', 'install', 'package']
  .map((folder) => `test/${folder}/**/*.test.ts`)
  .concat('test/**/*.isolated.test.ts');
const setup = path('test/support/setup.ts');
const shared = {
  pool: 'forks',
  environment: 'node',
  setupFiles: existsSync(setup) ? [setup] : [],
} as const;

const config: ViteUserConfig = defineConfig({
  resolve: { alias: { torchlayers: path('lib/index.ts') } },
  test: {
    coverage: { include: ['lib/**'], exclude: ['lib/cli/**'] },
    projects: [
      {
        extends: true,
        test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: isolated, isolate: false },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'isolated',
          include: isolated,
          isolate: true,
          execArgv: ['--expose-gc'],
          fileParallelism: false,
          testTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
