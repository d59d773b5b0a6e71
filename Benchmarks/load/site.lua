-- The POST of the benchmark, for each of the twenty models of the typical site in turn.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "post.lua")
local requests = {}
local turn = 0

function init()
  for model = 0, 19 do
    local body = wrk.body:gsub('"bench"', string.format('"model-%02d"', model))
    requests[model] = wrk.format(nil, nil, nil, body)
  end
end

function request()
  turn = (turn + 1) % 20
  return requests[turn]
end
