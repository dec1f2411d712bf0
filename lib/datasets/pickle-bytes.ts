import { FileFormatError } from '../core/errors.js';

// Names and states of arrays are short: a longer text is no part of one.
const maxTextBytes = 256;

/** A string of bytes or characters; only short ones occur. */
export class Text {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The bytes of a pickle, read from front to back, and the errors of what is wrong with them. @internal */
export class PickleBytes {
  /** The place of the next byte. */
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  /** Number of bytes that are left. */
  get left(): number {
    return this.#bytes.byteLength - this.at;
  }

  /** The next byte, undefined behind the last. */
  next(): number | undefined {
    return this.#bytes[this.at++];
  }

  /** A whole number of four bytes with a sign. */
  int32(): number {
    this.need(4);
    this.at += 4;
    return this.#view.getInt32(this.at - 4, true);
  }

  /** Passes over so many bytes. */
  skip(count: number): void {
    this.need(count);
    this.at += count;
  }

  private need(count: number): void {
    if (this.at + count > this.#bytes.byteLength) throw this.truncated();
  }

  /** A whole number without a sign, of so many bytes. */
  uint(width: 1 | 2 | 4): number {
    this.need(width);
    const at = this.at;
    this.at += width;
    if (width === 1) return this.#bytes[at] as number;
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** A whole number with its own count of bytes before it. */
  long(): number {
    const width = this.uint(1);
    if (width > 8) throw this.refuse(`a number of ${width} bytes`);
    this.need(width);
    let value = 0n;
    for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[this.at + i] as number);
    this.at += width;
    const number = Number(BigInt.asIntN(8 * width, value));
    if (!Number.isSafeInteger(number)) throw this.refuse(`the number ${number}`);
    return number;
  }

  /** So many bytes as a text. */
  text(length: number): Text {
    if (length > maxTextBytes) throw this.refuse(`a text of ${length} bytes`);
    this.need(length);
    const text = String.fromCharCode(...this.#bytes.subarray(this.at, this.at + length));
    this.at += length;
    return new Text(text);
  }

  /** The text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end === -1 || end - this.at > maxTextBytes) throw this.refuse('a long name');
    const text = String.fromCharCode(...this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** The error of a program that stops before its end. */
  truncated(): FileFormatError {
    return new FileFormatError(
      `${this.#where}: expected a whole pickle, got one that ends after ${this.#bytes.byteLength} bytes.`,
      'The file is truncated or corrupt: fetch it again.',
    );
  }

  /** The error of other content. */
  refuse(what: string): FileFormatError {
    return new FileFormatError(
      `${this.#where}: expected a pickled array of lists of whole numbers, got ${what}.`,
      'Pickles are programs: no other content is read, and none is ever run.',
    );
  }
}
