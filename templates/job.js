/** @import { Job } from "gpujobs/types.js" */
export { prepare } from "gpujobs/engine_{{ job.engine }}.js";
/** @type {Job} */
export const job = {{ job|tojson }};
