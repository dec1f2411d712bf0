import type { AttributeValue, DatasetNode, FileDType, Node } from './protocol.js';
import { blocks, sizes } from './protocol.js';
import { type Backing, emptyFileSystem, type LibraryFileSystem, mount } from './sandbox.js';

/** What h5wasm says of a data set or attribute. */
interface Metadata {
  type: number;
  size: number;
  signed: boolean;
  vlen: boolean;
  cset?: number;
  shape: number[] | null;
  total_size: number;
  virtual_sources?: unknown;
}

/** The functions of h5wasm's module that are used; its own declarations leave out types of several. */
interface Library {
  FS: LibraryFileSystem;
  HEAPU8: Uint8Array;
  H5F_ACC_RDONLY: number;
  H5F_ACC_TRUNC: number;
  _malloc(size: number): number;
  _free(pointer: number): void;
  open(name: string, mode: number, order: boolean, low: number, high: number): bigint;
  close_file(file: bigint): number;
  get_names(file: bigint, path: string, recursive: boolean): string[];
  get_type(file: bigint, path: string): number;
  get_symbolic_link(file: bigint, path: string): string | null;
  get_external_link(file: bigint, path: string): { filename?: string };
  get_attribute_names(file: bigint, path: string): string[];
  get_attribute_metadata(file: bigint, path: string, name: string): Metadata;
  get_dataset_metadata(file: bigint, path: string): Metadata;
  get_dataset_filters(file: bigint, path: string): { id: number; name: string }[];
  get_dataset_data(
    file: bigint,
    path: string,
    count: bigint[] | null,
    offset: bigint[] | null,
    strides: bigint[] | null,
    pointer: bigint,
  ): number;
  set_dataset_data(
    file: bigint,
    path: string,
    count: bigint[] | null,
    offset: bigint[] | null,
    strides: bigint[] | null,
    pointer: bigint,
  ): number;
  create_group(file: bigint, path: string, order: boolean): number;
  create_dataset(file: bigint, path: string, pointer: bigint, metadata: object): number;
  create_attribute(file: bigint, path: string, name: string, pointer: bigint, metadata: object): number;
  create_vlen_str_attribute(
    file: bigint,
    path: string,
    name: string,
    data: readonly string[],
    metadata: object,
  ): number;
}

// Classes of HDF5's types.
const integer = 0;
const float = 1;
const text = 3;
const opaque = 5;
const enumeration = 8;
// Kinds of objects.
const group = 0;
const dataset = 1;
// Filters that the library has built in and that Keras' users use: deflate, shuffle, checksum.
const filters = [1, 2, 3];
const deflate = 1;
// DEFLATE can't do better.
const bestRatio = 1032;

const blockBytes = 4 * 1024 * 1024;
const maxDepth = 64;

/** Attributes that Keras' files use; others aren't read. */
const knownAttribute =
  /^(?:name|dtype|backend|keras_version|model_config|training_config|(?:layer_names|weight_names)\d*)$/;

/** What is wrong with a file, or can't be written: the library is in order. @internal */
export class Problem extends Error {}

/** The HDF5 library with one open file. Runs in the worker. */
export class LibraryFile {
  readonly #library: Library;
  readonly #group: new (
    file: bigint,
    path: string,
  ) => { get_attribute(name: string, plain: boolean): unknown };
  readonly #file: bigint;
  readonly #unmount: () => void;
  readonly #size: number;

  private constructor(library: Library, Group: never, file: bigint, unmount: () => void, size: number) {
    this.#library = library;
    this.#group = Group;
    this.#file = file;
    this.#unmount = unmount;
    this.#size = size;
  }

  /** Opens a file to read, or makes one. @throws if it is no HDF5 file */
  static async open(backing: Backing, create: boolean, failed: (error: unknown) => void): Promise<LibraryFile> {
    const h5wasm = await import('h5wasm');
    const library = (await h5wasm.ready) as unknown as Library;
    emptyFileSystem(library.FS);
    const unmount = mount(library.FS, 'file.h5', backing, failed);
    const mode = create ? library.H5F_ACC_TRUNC : library.H5F_ACC_RDONLY;
    const file = library.open('/file.h5', mode, false, -1, -1);
    if (file <= 0n) {
      unmount();
      throw new Problem('expected an HDF5 file, got other or damaged data');
    }
    return new LibraryFile(library, h5wasm.Group as never, file, unmount, backing.size);
  }

  /** All groups and data sets by their paths. @throws for files whose groups lead in circles and data sets that claim more than the file can hold */
  nodes(): Map<string, Node> {
    const nodes = new Map<string, Node>();
    // The smallest object takes more bytes than this.
    const most = 64 + this.#size / 32;
    let stored = 0;
    const visit = (path: string, depth: number): void => {
      if (depth > maxDepth) throw new Problem(`expected at most ${maxDepth} levels of groups, got more at "${path}"`);
      for (const name of this.#library.get_names(this.#file, path === '' ? '/' : path, false)) {
        const child = `${path}/${name}`;
        if (nodes.size > most) throw new Problem('expected a tree of groups, got one that leads in circles');
        const node = this.#node(child);
        nodes.set(child.slice(1), node);
        if (node.kind === 'group') visit(child, depth + 1);
        else if (node.kind === 'dataset') {
          const compressed = this.#checkFilters(child);
          if (!compressed) stored += node.bytes;
          const limit = compressed ? this.#size * bestRatio : this.#size;
          if (node.bytes > limit || stored > this.#size) {
            throw new Problem(
              `expected data sets that the file of ${this.#size} bytes can hold, got one of ${node.bytes} bytes at "${child}"`,
            );
          }
        }
      }
    };
    nodes.set('', { kind: 'group', attributes: this.#attributes('/') });
    visit('', 1);
    return nodes;
  }

  /** The bytes of a data set, little-endian. */
  read(path: string, node: DatasetNode): ArrayBuffer {
    const result = new Uint8Array(node.bytes);
    if (node.bytes === 0) return result.buffer;
    const itemSize = sizes[node.dtype as FileDType];
    const library = this.#library;
    const pointer = this.#allocate(Math.min(blockBytes, node.bytes));
    try {
      for (const { offset, count, start, bytes } of blocks(node.shape, itemSize, blockBytes)) {
        const scalar = count.length === 0;
        const status = library.get_dataset_data(
          this.#file,
          path,
          scalar ? null : count.map(BigInt),
          scalar ? null : offset.map(BigInt),
          scalar ? null : count.map(() => 1n),
          BigInt(pointer),
        );
        if (status < 0) throw new Problem(`expected the values of "${path}", got damaged data`);
        result.set(library.HEAPU8.subarray(pointer, pointer + bytes), start);
      }
    } finally {
      library._free(pointer);
    }
    return result.buffer;
  }

  createGroup(path: string): void {
    this.#check(this.#library.create_group(this.#file, path, false), path);
  }

  createAttribute(path: string, name: string, value: string | readonly string[]): void {
    const values = typeof value === 'string' ? [value] : value;
    const shape = typeof value === 'string' ? [] : [BigInt(value.length)];
    const type = { type: text, size: 4, signed: false, vlen: true, cset: 1, strpad: 0, shape, maxshape: null };
    const status =
      values.length === 0
        ? // As numpy's empty arrays: without texts there is no type of text.
          this.#library.create_attribute(this.#file, path, name, 8n, { ...type, type: float, size: 8, vlen: false })
        : this.#library.create_vlen_str_attribute(this.#file, path, name, values, type);
    this.#check(status, path);
  }

  /** Makes a data set without values. */
  createDataset(path: string, shape: readonly number[], dtype: FileDType): void {
    const type = dtype.startsWith('float') ? float : integer;
    const metadata = {
      type,
      size: sizes[dtype],
      signed: dtype.startsWith('int'),
      littleEndian: true,
      vlen: false,
      shape: shape.map(BigInt),
      maxshape: null,
      chunks: null,
    };
    // The library takes all values at once. Given none it fails to write them, and leaves the data set without: they follow in blocks.
    this.#library.create_dataset(this.#file, path, 0n, metadata);
    if (this.#library.get_type(this.#file, path) !== dataset) throw new Problem(`could not make "${path}"`);
  }

  write(path: string, offset: readonly number[], count: readonly number[], bytes: Uint8Array): void {
    const library = this.#library;
    const pointer = this.#allocate(bytes.length);
    try {
      library.HEAPU8.set(bytes, pointer);
      const scalar = count.length === 0;
      const status = library.set_dataset_data(
        this.#file,
        path,
        scalar ? null : count.map(BigInt),
        scalar ? null : offset.map(BigInt),
        scalar ? null : count.map(() => 1n),
        BigInt(pointer),
      );
      this.#check(status, path);
    } finally {
      library._free(pointer);
    }
  }

  close(): void {
    const status = this.#library.close_file(this.#file);
    this.#unmount();
    this.#check(status, '/');
  }

  #node(path: string): Node {
    const library = this.#library;
    const { filename } = library.get_external_link(this.#file, path);
    if (filename !== undefined) return { kind: 'refused', what: 'an external link' };
    if (library.get_symbolic_link(this.#file, path) !== null) return { kind: 'refused', what: 'a soft link' };
    const type = library.get_type(this.#file, path);
    if (type === group) return { kind: 'group', attributes: this.#attributes(path) };
    if (type !== dataset) return { kind: 'refused', what: 'a named type' };
    const metadata = library.get_dataset_metadata(this.#file, path);
    if (metadata.virtual_sources !== undefined) return { kind: 'refused', what: 'a virtual data set' };
    const attributes = this.#attributes(path);
    const shape = metadata.shape ?? [0];
    const count = shape.reduce((product, size) => product * size, 1);
    return {
      kind: 'dataset',
      shape,
      dtype: dtypeOf(metadata, attributes),
      bytes: count * metadata.size,
      attributes,
    };
  }

  #attributes(path: string): Record<string, AttributeValue> {
    const result: Record<string, AttributeValue> = {};
    for (const name of this.#library.get_attribute_names(this.#file, path)) {
      if (!knownAttribute.test(name)) continue;
      const { total_size: count, size, shape } = this.#library.get_attribute_metadata(this.#file, path, name);
      if (shape === null || count * size > this.#size) continue;
      const value = count === 0 ? [] : new this.#group(this.#file, path).get_attribute(name, true);
      if (typeof value === 'string' || typeof value === 'number' || Array.isArray(value)) {
        result[name] = value as AttributeValue;
      }
    }
    return result;
  }

  /** Whether a data set is compressed. */
  #checkFilters(path: string): boolean {
    const used = this.#library.get_dataset_filters(this.#file, path);
    const unknown = used.find(({ id }) => !filters.includes(id));
    if (unknown !== undefined) {
      throw new Problem(`expected no or gzip compression, got filter ${unknown.id} (${unknown.name}) at "${path}"`);
    }
    return used.some(({ id }) => id === deflate);
  }

  #allocate(size: number): number {
    const pointer = this.#library._malloc(Math.max(size, 8));
    if (pointer === 0) throw new Problem(`no memory for ${size} bytes`);
    return pointer;
  }

  #check(status: number, path: string): void {
    if (status < 0) throw new Problem(`could not write "${path}"`);
  }
}

function dtypeOf({ type, size, signed }: Metadata, attributes: Record<string, AttributeValue>): FileDType | null {
  const bits = size * 8;
  if (type === integer && [8, 16, 32, 64].includes(bits)) return `${signed ? 'int' : 'uint'}${bits}` as FileDType;
  if (type === float && [16, 32, 64].includes(bits)) return `float${bits}` as FileDType;
  if (type === enumeration && size === 1) return 'bool';
  // How h5py writes numpy's extension type.
  if (type === opaque && size === 2 && attributes.dtype === 'bfloat16') return 'bfloat16';
  return null;
}
