// Texts of pages and manifests are hostile, and Plotly takes tags and links in labels for its own: every text of a chart
// goes through here.

/** How many characters of a label are drawn. */
const LONGEST = 60;

/**
 * A text that Plotly draws as it is.
 * @param {unknown} text
 */
export function plain(text) {
  return String(text ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * The same, shortened in its middle: both ends of a job's id tell it apart.
 * @param {unknown} text
 */
export function short(text, longest = LONGEST) {
  const whole = String(text ?? '');
  if (whole.length <= longest) return plain(whole);
  const half = Math.floor((longest - 1) / 2);
  return plain(`${whole.slice(0, half)}…${whole.slice(-half)}`);
}

/**
 * Lines of a hover label, each a hostile text.
 * @param {unknown[]} texts
 */
export function lines(texts) {
  return texts.filter((text) => text !== null && text !== '').map(plain).join('<br>');
}

/**
 * A number with three digits.
 * @param {number | null} value
 */
export function figure(value) {
  if (value === null || !Number.isFinite(value)) return '';
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/**
 * `3.02 ms (3.01–3.03)`; without an interval it says so.
 * @param {number | null} value
 * @param {number | null} low
 * @param {number | null} high
 * @param {string} unit
 */
export function interval(value, low, high, unit) {
  const range = low === null || high === null ? 'no interval' : `${figure(low)}–${figure(high)}`;
  return `${figure(value)} ${unit} (${range})`;
}
