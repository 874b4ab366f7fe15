// Numbers as people read them.
const whole = (value) => Number(value).toLocaleString("en").replaceAll(",", "\u202f");
const number = (value, digits) => (value == null ? "–" : Number(value).toFixed(digits));
const known = (value, words) => (value == null ? "–" : words(value));
const percent = (part) => `${(part * 100).toFixed(1)}%`;

function time(us) {
  if (us < 1000) return `${us} µs`;
  return us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms` : `${(us / 1e6).toFixed(1)} s`;
}

function bytes(count) {
  return count < 1 << 20 ? `${Math.round(count / 1024)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}

function span(seconds) {
  if (seconds < 90) return `${Math.floor(seconds)} s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}
