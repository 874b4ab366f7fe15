// How long requests took of late: of those that were answered within the last minute.

let timings = [];

// For each slot that is not vacant, how many fell into each bucket. A master that began anew counts anew.
function recentLatencies(state) {
  const counts = new Map(state.workers.map((worker) => [worker.slot, worker.latency_counts ?? []]));
  timings = timings.filter((look) => look.pid === state.pid && state.now_ms - look.at < RECENT_MS);
  timings.push({ pid: state.pid, at: state.now_ms, counts });
  const then = timings[0].counts;
  const seated = state.workers.filter((worker) => worker.phase !== "vacant");
  return new Map(seated.map(({ slot }) => {
    const old = then.get(slot) ?? [];
    return [slot, counts.get(slot).map((count, bucket) => count - (old[bucket] ?? 0))];
  }));
}

// In microseconds, right to within 25%; null if nothing was counted.
function quantile(counts, part) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  const rank = Math.ceil(part * all);
  let seen = 0;
  const bucket = counts.findIndex((count) => (seen += count) >= rank);
  return highestIn(bucket);
}

// Four buckets for the values from 0 to 3, and four for each doubling from there.
function highestIn(bucket) {
  if (bucket < 4) return bucket;
  const width = 2 ** (Math.floor(bucket / 4) - 1);
  return (4 + (bucket % 4)) * width + width - 1;
}
