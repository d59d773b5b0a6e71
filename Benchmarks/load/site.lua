-- The POST of the benchmark, for each of the twenty models of the typical site in turn.
local form = '{"model":"model-%02d","messages":[{"role":"system","content":"You are a terse assistant that answers in one line."},'
  .. '{"role":"user","content":"Boil a glass pot, please, and tell me what you see"}],'
  .. '"temperature":0.7,"max_tokens":64,"stream":false}'
local headers = {
  ["Content-Type"] = "application/json", ["Accept"] = "application/json", ["User-Agent"] = "glasspot-bench/1",
}
local ready = {}
local turn = 0

function init()
  for model = 0, 19 do ready[model] = wrk.format("POST", nil, headers, string.format(form, model)) end
end

function request()
  turn = (turn + 1) % 20
  return ready[turn]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"failed":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
