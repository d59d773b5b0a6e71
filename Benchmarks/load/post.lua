-- The POST of the benchmark: a chat request of 250 bytes, as an SDK would send it.
local body = '{"model":"bench","messages":[{"role":"system","content":"You are a terse assistant that answers in one line."},'
  .. '{"role":"user","content":"Boil a glass pot, please, and tell me what you see"}],'
  .. '"temperature":0.7,"max_tokens":64,"stream":false}'
body = body:sub(1, -2) .. string.rep(" ", 250 - #body) .. "}"
wrk.method = "POST"
wrk.body = body
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
wrk.headers["User-Agent"] = "glasspot-bench/1"
wrk.headers["Authorization"] = "Bearer none"

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"failed":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
