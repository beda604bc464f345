// Hands in one job over Redis from Node.js, without a package: RESP is a few lines.
// node producer.mjs redis://host:port/db '{"job_id": "...", "task": "...", "args": {...}}'
import { createConnection } from "node:net";

const url = new URL(process.argv[2]);
const encode = (words) =>
  `*${words.length}\r\n` + words.map((w) => `$${Buffer.byteLength(w)}\r\n${w}\r\n`).join("");

const socket = createConnection(Number(url.port || 6379), url.hostname);
socket.write(encode(["SELECT", url.pathname.slice(1) || "0"]));
socket.write(encode(["XADD", "jobs.default", "*", "body", process.argv[3]]));
socket.setEncoding("utf8");
let answer = "";
socket.on("data", (data) => {
  answer += data;
  if (answer.includes("-ERR")) process.exit(1);
  if (answer.split("\r\n").length > 3) {
    console.log(answer.split("\r\n")[2]);
    socket.end();
  }
});
