/*
 * Many random tables, through files and back: other ones each time, whose seeds stand in the test's name.
 */
import { testRandomTrips } from "./trips.ts";

const SEEDS = 1_000_000;

testRandomTrips(Math.floor(Math.random() * SEEDS), 200);
