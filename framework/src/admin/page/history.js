// What was, over the last two minutes, as lines.

const HISTORY_MS = 120000;
// Looks that are further apart have a time between them of which nothing is known.
const GAP_MS = 5000;

function remember(history, at, value) {
  history.push({ at, value });
}

function line(svg, history, now) {
  while (history.length && now - history[0].at > HISTORY_MS) history.shift();
  const most = Math.max(1e-9, ...history.map((point) => point.value));
  let last = -Infinity;
  const steps = history.map(({ at, value }) => {
    const [x, y] = [120 * (1 - (now - at) / HISTORY_MS), 27 - (value / most) * 25];
    const step = `${at - last > GAP_MS ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = at;
    return step;
  });
  let path = svg.querySelector("path");
  if (!path) path = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  path.setAttribute("d", steps.join(""));
}
