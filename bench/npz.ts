// Writes a .npz of whole numbers, so that contestants in Python read the same data.
import { writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** An array of bytes or of 32-bit numbers, with its shape. */
export interface IntegerArray {
  data: Uint8Array | Int32Array;
  shape: readonly number[];
}

function npy({ data, shape }: IntegerArray): Buffer {
  const text = `{'descr': '${data instanceof Int32Array ? '<i4' : '|u1'}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  // The header ends at a multiple of 64 with a line break.
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`, 'latin1');
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY', 'latin1'), 1, 0, 0, 0]);
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/** Writes the arrays, uncompressed. */
export function writeNpz(path: string, arrays: Readonly<Record<string, IntegerArray>>): void {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const file = Buffer.from(`${name}.npy`);
    const content = npy(array);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0); // Version that can read it.
    fields.writeUInt16LE(0x21, 8); // 1980-01-01, the first date there is.
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(file.length, 22);
    files.push(Buffer.from('PK\x03\x04', 'latin1'), fields, file, content);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, entry, file);
    offset += 4 + fields.length + file.length + content.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(arrays).length, 8);
  end.writeUInt16LE(Object.keys(arrays).length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  writeFileSync(path, Buffer.concat([...files, ...directory, end]));
}
