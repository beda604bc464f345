import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
// Of what a call may answer with, JSON: not a stream of events.
const desk = createClient<paths, "application/json">({ baseUrl: process.env.DESK, headers });

// @ts-expect-error Text is no integer: this must not compile.
export const wrong = () => desk.POST("/api/v1/tasks/webapp.square/jobs", { body: { n: "7" } });

const submitted = await desk.POST("/api/v1/tasks/webapp.square/jobs", { body: { n: 7 } });
if (!submitted.data) throw new Error(JSON.stringify(submitted.error));
let job = submitted.data;
while (job.finished_at === null) {
  const read = await desk.GET("/api/v1/jobs/{id}", {
    params: { path: { id: job.id }, header: { Prefer: "wait=20" } },
  });
  if (!read.data) throw new Error(JSON.stringify(read.error));
  job = read.data;
}
console.log(JSON.stringify([job.status, job.result]));
