import crc32c from 'crc-32/crc32c.js';

/**
 * CRC-32C of some bytes, masked as TFRecord files have it: a checksum over data that holds checksums would be weak. @internal
 *
 * Source: the format's own rule, rotate right by 15 bits and add a constant.
 */
export function maskedCrc(data: Uint8Array): number {
  const crc = crc32c.buf(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A TFRecord: length (uint64), its checksum, the data, their checksum; little-endian. @internal */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}
