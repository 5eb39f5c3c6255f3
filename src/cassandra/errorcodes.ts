/*
 * Owns the codes of the server's errors, by the CQL native protocol v4, section 9. What they mean to whom is said where
 * they are used.
 */
export const SERVER_ERROR = 0x0000;
export const PROTOCOL = 0x000a;
export const BAD_CREDENTIALS = 0x0100;
export const UNAVAILABLE = 0x1000;
export const OVERLOADED = 0x1001;
export const BOOTSTRAPPING = 0x1002;
export const TRUNCATE_ERROR = 0x1003;
export const WRITE_TIMEOUT = 0x1100;
export const READ_TIMEOUT = 0x1200;
export const READ_FAILURE = 0x1300;
export const WRITE_FAILURE = 0x1500;
export const CDC_WRITE_FAILURE = 0x1600;
export const SYNTAX = 0x2000;
export const UNAUTHORIZED = 0x2100;
export const INVALID = 0x2200;
export const CONFIG = 0x2300;
export const EXISTS = 0x2400;
export const UNPREPARED = 0x2500;
