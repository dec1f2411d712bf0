/** WebAssembly's memory, which the type declarations of Node.js leave out. */
interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const pageBytes = 64 * 1024;
let most = Number.POSITIVE_INFINITY;

const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: GrowingMemory } } }).WebAssembly;
const { grow } = Memory.prototype;

// The library asks for whatever size a damaged file names. Where its memory can't grow, it says that the file can't be read.
Memory.prototype.grow = function (this: GrowingMemory, pages: number): number {
  if (this.buffer.byteLength + pages * pageBytes > most) throw new RangeError('expected less memory to be enough');
  return grow.call(this, pages);
};

/** How large the memory of this thread's WebAssembly may become. @internal */
export function limitMemory(bytes: number): void {
  most = bytes;
}
