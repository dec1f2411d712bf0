// Finds the examples of the documentation and makes programs of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from '../../lib/core/libtorch.js';

/** One example, or all examples of one page together. */
export interface Snippet {
  /** 'README.md', or 'lib/core/tidy.ts:26'. */
  title: string;
  /** The code; in a page every line keeps its number. */
  code: string;
  /** Namespace whose names the example may use bare: 'losses', 'optimizers.schedules'; '' for the top level. */
  namespace: string;
}

const languages = ['ts', 'ts no-run', 'sh', 'console', 'text', 'json', ''];

function page(file: string): Snippet {
  let language: string | null = null;
  const lines = readFileSync(file, 'utf8').split('\n');
  const code = lines.map((line, i) => {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) return language === 'ts' ? line : '';
    language = language === null ? (fence[1] as string).trim() : null;
    if (language !== null && !languages.includes(language)) {
      throw new Error(
        `${file}:${i + 1}: expected a block of ${languages.join(', ')}, got ${language}: nobody would run it.`,
      );
    }
    return '';
  });
  return { title: relative(packageRoot, file), code: code.join('\n'), namespace: '' };
}

/** README.md and docs/*.md: the blocks of one page are one program. */
export function pages(): Snippet[] {
  const docs = join(packageRoot, 'docs');
  const files = readdirSync(docs).filter((name) => name.endsWith('.md'));
  return [join(packageRoot, 'README.md'), ...files.sort().map((name) => join(docs, name))]
    .map(page)
    .filter(({ code }) => code.trim() !== '');
}

function namespaceOf(path: string): string {
  const parts = path.replace(/^lib\//, '').split('/');
  const top = (parts[0] as string).replace(/\.ts$/, '');
  if (top === 'optimizers' && parts[1] === 'schedules') return 'optimizers.schedules';
  return ['core', 'models', 'training', 'saving', 'datasets'].includes(top) ? '' : top;
}

/** The examples in the comments of lib/. */
export function comments(): Snippet[] {
  const root = join(packageRoot, 'lib');
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return files.sort().flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const path = relative(packageRoot, file);
    return [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => ({
      title: `${path}:${text.slice(0, match.index).split('\n').length}`,
      code: (match[1] as string).replace(/^\s*\* ?/gm, '').trimEnd(),
      namespace: namespaceOf(path),
    }));
  });
}

/** What the example declares or imports by itself. */
function declared(code: string): Set<string> {
  const patterns = [
    ...code.matchAll(/\b(?:const|let)\s+([^=;]+)=/g),
    ...code.matchAll(/\b(?:class|function)\s+([\w$]+)/g),
    ...code.matchAll(/\bimport\s+(?:type\s+)?\{([^}]*)\}/g),
  ];
  return new Set(patterns.flatMap((match) => (match[1] as string).match(/[\w$]+/g) ?? []));
}

/** Names that an example uses without declaring them (and some that only look like that). */
export function freeNames(code: string): string[] {
  const bare = code.replace(/\/\/.*$/gm, '').replace(/'[^'\n]*'/g, "''");
  const own = declared(code);
  const words = new Set(bare.match(/(?<![.\w$])[A-Za-z_$][\w$]*/g) ?? []);
  return [...words].filter((word) => !own.has(word)).sort();
}

/** The value that a comment promises: `// [1, 2]`, `// about 0.5`, `// 'float32'`; undefined for words. */
function promised(comment: string): unknown {
  try {
    return JSON.parse(comment.replace(/^about /, '').replace(/'/g, '"'));
  } catch {
    return undefined;
  }
}

/** Turns `expression; // value` into a check of the value. */
export function withChecks(code: string): string {
  return code.replace(/^([^\s})/].*);[ ]+\/\/ (.+)$/gm, (line, expression: string, comment: string) => {
    const isStatement = /^(const|let|class|import|export|return|if|for)\b/.test(expression);
    if (isStatement || promised(comment) === undefined) return line;
    return `await expectSame(${expression}, ${JSON.stringify(promised(comment))});`;
  });
}

/** A part of a class stands in one, so that it can be read as code. */
export function completed(code: string): { code: string; runs: boolean } {
  if (/^override /.test(code)) return { code: `class Example extends Model {\n${code}\n}`, runs: false };
  if (/^this\./.test(code)) return { code: `function example() {\n${code}\n}`, runs: false };
  return { code, runs: true };
}
