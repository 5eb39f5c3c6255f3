/*
 * Random tables, through files and back: the server must hold the very bytes that it held before. `npm run test:random`
 * sends more of them.
 */
import { testRandomTrips } from "../random/trips.ts";

testRandomTrips(1, 20);
