// The live page of one Evenkeel application. It asks for /api/state once a second, and shows it.

const ASK_EVERY_MS = 1000;
const NOTICE_FOR_MS = 8000;

let before = null;
let noticeUntil = 0;
const rates = [];
const slowest = [];

async function turn() {
  if (!document.hidden) {
    try {
      const state = await (await ask("api/state")).json();
      tokenFits();
      show(state);
      document.body.dataset.state = "live";
      if (Date.now() > noticeUntil) byId("notice").hidden = true;
    } catch (error) {
      showSilence(error);
    }
  }
  setTimeout(turn, ASK_EVERY_MS);
}

function showSilence(error) {
  const asks = error instanceof NotAdmitted;
  const doing = asks ? "token needed" : "no answer";
  document.body.dataset.state = asks ? "locked" : "stale";
  document.title = `${byId("name").textContent}: ${doing}`;
  chip(byId("doing"), doing, asks ? "warm" : "bad");
  if (asks) say(`${error.message}.`.replace(/^./, (first) => first.toUpperCase()), token !== "", 0);
  else say(`No answer: ${error.message}. Trying again; what is shown is old.`, true, 0);
}

function say(text, bad, holdsMs = NOTICE_FOR_MS) {
  const notice = byId("notice");
  // What is read aloud is not said again.
  if (notice.textContent !== text) notice.textContent = text;
  notice.classList.toggle("bad", bad);
  notice.hidden = false;
  noticeUntil = Date.now() + holdsMs;
}

function show(state) {
  const gap = before?.pid === state.pid ? state.now_ms - before.now_ms : 0;
  const recent = gap > 0 && gap <= GAP_MS;
  const earlier = new Map((recent ? before.workers : []).map((worker) => [worker.slot, worker]));
  const perSecond = (worker, field) => {
    const last = earlier.get(worker.slot);
    if (!last || worker[field] == null) return null;
    return (Math.max(0, worker[field] - last[field]) / gap) * 1000;
  };
  const latencies = recentLatencies(state);
  const workers = state.workers.map((worker) => ({
    ...worker,
    rate: perSecond(worker, "requests"),
    p50: quantile(latencies.get(worker.slot) ?? [], 0.5),
    p99: quantile(latencies.get(worker.slot) ?? [], 0.99),
    cpu: earlier.get(worker.slot)?.pid === worker.pid ? perSecond(worker, "cpu_s") : null,
  }));
  before = state;
  followReload(state);
  showHead(state);
  showTiles(state, workers);
  showWorkers(state, workers);
  showEvents(state.events ?? []);
  showPairs("queues", (state.queues ?? []).map(queueLine), "no listener");
  const causes = Object.entries(state.restarts ?? {}).filter(([, count]) => count > 0);
  showPairs("restarts", causes.map(([cause, count]) => [cause.replaceAll("_", " "), whole(count)]), "none");
}

function showHead(state) {
  const name = state.name || "Evenkeel";
  byId("name").textContent = name;
  document.title = `${name}: ${state.workers_ready}/${state.workers_wanted} ready`;
  chip(byId("doing"), state.doing, state.doing === "running" ? "good" : "warm");
  const where = state.addresses.join(", ");
  byId("subtitle").textContent = `${where} · ${state.policy} · up ${span(state.uptime_s)}`;
  byId("footer").textContent = `Evenkeel ${state.version} · master ${state.pid}`;
}

function showTiles(state, workers) {
  // Null where nobody counts.
  const sum = (field) => {
    const told = workers.map((worker) => worker[field]).filter((value) => value != null);
    return told.length ? told.reduce((total, value) => total + value, 0) : null;
  };
  byId("ready").textContent = `${state.workers_ready} / ${state.workers_wanted}`;
  const others = workers.filter((worker) => worker.phase !== "ready" && worker.phase !== "vacant");
  byId("ready-note").textContent = others.map((worker) => `slot ${worker.slot} ${worker.phase}`).join(", ");
  const rate = sum("rate");
  if (rate !== null) remember(rates, state.now_ms, rate);
  byId("rate").textContent = known(rate, (value) => whole(Math.round(value)));
  const timed = workers.map((worker) => worker.p99).filter((p99) => p99 !== null);
  const p99 = timed.length ? Math.max(...timed) : null;
  if (p99 !== null) remember(slowest, state.now_ms, p99);
  byId("p99").textContent = known(p99, time);
  line(byId("rate-line"), rates, state.now_ms);
  line(byId("p99-line"), slowest, state.now_ms);
  byId("open").textContent = known(sum("open"), whole);
  const queued = (state.queues ?? []).reduce((total, queue) => total + queue.depth, 0);
  byId("queued").textContent = `${whole(queued)} waiting to be accepted`;
  showSkew(state.skew ?? {}, recentSkew(state));
}

function showWorkers(state, workers) {
  const body = byId("workers").tBodies[0];
  const { expected_low: low, expected_high: high } = state.skew ?? {};
  const widest = Math.max(0.05, high ?? 0, ...workers.map((worker) => worker.share ?? 0)) * 1.1;
  const expected = low != null && high > 0 ? [low, high] : null;
  byId("band-note").textContent = expected ? `chance: ${percent(low)} to ${percent(high)}` : "what chance gives";
  while (body.rows.length > workers.length) body.deleteRow(-1);
  workers.forEach((worker, at) => {
    const row = body.rows[at] ?? body.appendChild(emptyRow());
    row.dataset.slot = worker.slot;
    row.dataset.phase = worker.phase;
    const cells = row.cells;
    cells[0].textContent = worker.slot;
    chip(cells[1].firstChild, worker.phase, toneOf(worker.phase));
    showShare(cells[2].firstChild, worker, widest, expected);
    const texts = [
      known(worker.open, whole), known(worker.rate, (rate) => whole(Math.round(rate))),
      known(worker.p50, time), known(worker.p99, time),
      known(worker.cpu, (cpu) => `${Math.round(cpu * 100)}%`),
      worker.memory_bytes ? bytes(worker.memory_bytes) : "–",
      worker.generation, span(worker.age_s), worker.pid || "–",
    ];
    texts.forEach((text, column) => { cells[column + 3].textContent = text; });
  });
}

function emptyRow() {
  const row = document.createElement("tr");
  const labels = ["Slot", "Phase", "Share", "Open", "Requests/s", "p50", "p99", "CPU", "Memory", "Generation", "Age", "Pid"];
  labels.forEach((label, column) => {
    const cell = row.insertCell();
    cell.dataset.label = label;
    if (column > 2) cell.className = "number";
  });
  row.cells[1].append(element("span", "chip"));
  row.cells[2].className = "wide";
  const share = element("div", "share");
  const track = element("div", "track");
  track.append(element("div", "fill"), element("div", "band"));
  share.append(track, element("span", "number"));
  row.cells[2].append(share);
  return row;
}

function showShare(share, worker, widest, expected) {
  const [track, label] = share.children;
  const [fill, band] = track.children;
  const part = worker.share ?? 0;
  fill.style.width = `${(part / widest) * 100}%`;
  fill.classList.toggle("off", worker.phase !== "ready");
  band.hidden = !expected;
  if (expected) {
    band.style.left = `${(expected[0] / widest) * 100}%`;
    band.style.width = `${((expected[1] - expected[0]) / widest) * 100}%`;
  }
  label.textContent = worker.share == null ? "–" : percent(part);
}

function queueLine(queue) {
  const slot = queue.slot == null ? "" : `, slot ${queue.slot}`;
  const limit = queue.limit ? ` of ${whole(queue.limit)}` : "";
  return [`${queue.address}${slot}`, `${whole(queue.depth)}${limit}`];
}

function showPairs(id, pairs, nothing) {
  const list = byId(id);
  list.replaceChildren(...pairs.flatMap(([name, value]) => {
    const [term, said] = [element("dt", ""), element("dd", "")];
    term.textContent = name;
    said.textContent = value;
    return [term, said];
  }));
  if (!pairs.length) list.append(Object.assign(element("p", "none"), { textContent: nothing }));
}

function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}

function chip(target, text, tone) {
  target.textContent = text;
  target.className = `chip ${tone}`;
}

function toneOf(phase) {
  return { ready: "good", starting: "warm", draining: "warm", "backing-off": "bad" }[phase] ?? "";
}

turn();
