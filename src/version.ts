/*
 * Owns the version as the program states it: in --version, and in every file it writes. A constant, so that neither the
 * binary nor dist/ has to find package.json; a test keeps the two equal.
 */

export const VERSION = "0.1.0";
