// How unevenly the workers' connections fell: of late, and since the start.

// What is recent.
const RECENT_MS = 60000;
let looks = [];

// Standard deviation by mean of what each slot accepted within the last minute, and what chance alone makes of
// it; null while none came. A master that began anew counts anew, and a slot that has just come or gone had no
// equal part.
function recentSkew(state) {
  const seated = state.workers.filter((worker) => worker.phase !== "vacant");
  const of = `${state.pid}: ${seated.map((worker) => worker.slot)}`;
  const accepted = seated.map((worker) => worker.accepted);
  if (accepted.includes(null)) return null;
  looks = looks.filter((look) => look.of === of && state.now_ms - look.at < RECENT_MS);
  looks.push({ of, at: state.now_ms, accepted });
  const counts = accepted.map((count, at) => count - looks[0].accepted[at]);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const mean = total / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  return { cov: Math.sqrt(variance) / mean, expected_cov: Math.sqrt((counts.length - 1) / total) };
}

function showSkew(all, recent) {
  byId("cov").textContent = number(recent?.cov, 3);
  if (all.cov == null) {
    byId("cov-note").textContent = "not counted by this program";
    return;
  }
  const chance = (skew) => `chance ${number(skew.expected_cov, 3)}`;
  const late = recent ? chance(recent) : "no connection of late";
  byId("cov-note").textContent = `${late}; since the start ${number(all.cov, 3)}, ${chance(all)}`;
}
