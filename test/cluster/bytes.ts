/*
 * Writes CQL values as the server keeps them, independently of src/types and of the driver: both are what the tests
 * compare with. Numbers are big-endian; see section 6 of the native protocol specification.
 */

/** Two's complement in `length` bytes. */
export function integer(length: number, value: bigint | number): Buffer {
  const hex = BigInt.asUintN(length * 8, BigInt(value)).toString(16);
  return Buffer.from(hex.padStart(length * 2, "0"), "hex");
}

/** Two's complement in as few bytes as possible. */
export function varint(value: bigint): Buffer {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length++;
  return integer(length, value);
}

export function decimal(scale: number, unscaled: bigint): Buffer {
  return Buffer.concat([integer(4, scale), varint(unscaled)]);
}

/** As many leading one bits as bytes follow the first; the first holds the highest bits of the value. */
function unsignedVint(value: bigint): Buffer {
  let extra = 0;
  while (extra < 8 && value >> BigInt(7 * (extra + 1)) !== 0n) extra++;
  const bytes = integer(9, value).subarray(8 - extra);
  bytes[0] = bytes[0]! | ((0xff << (8 - extra)) & 0xff);
  return bytes;
}

function signedVint(value: bigint): Buffer {
  return unsignedVint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
}

export function duration(months: number, days: number, nanoseconds: bigint): Buffer {
  return Buffer.concat([signedVint(BigInt(months)), signedVint(BigInt(days)), signedVint(nanoseconds)]);
}

export function hex(digits: string): Buffer {
  return Buffer.from(digits, "hex");
}

/** Fields of a tuple or UDT, `null` for an absent value. */
export function fields(...values: (Buffer | null)[]): Buffer {
  return Buffer.concat(values.flatMap((value) => (value ? [integer(4, value.length), value] : [integer(4, -1)])));
}

/** A list or set. */
export function list(...values: Buffer[]): Buffer {
  return Buffer.concat([integer(4, values.length), fields(...values)]);
}

export function map(...entries: [Buffer, Buffer][]): Buffer {
  return Buffer.concat([integer(4, entries.length), fields(...entries.flat())]);
}

/** A vector of elements whose type has a fixed length (`sized` false) or not. */
export function vector(sized: boolean, ...values: Buffer[]): Buffer {
  return Buffer.concat(values.flatMap((value) => (sized ? [unsignedVint(BigInt(value.length)), value] : [value])));
}
