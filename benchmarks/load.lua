-- The requests and the report of wrk: `wrk ... -s load.lua URL -- FOLDER COUNT`.
-- Raw requests are read from FOLDER/0, FOLDER/1, ... and sent in rotation, so that cached responses
-- would not help a server.

local requests, at = {}, 0

function init(arguments)
  for number = 0, arguments[2] - 1 do
    local file = assert(io.open(arguments[1] .. "/" .. number, "rb"))
    requests[number + 1] = file:read("*a")
    file:close()
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- No function `response`: it would run for each response and slow down the load. wrk itself counts
-- responses with status 400 and above.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d, ' ..
    '"late": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status, errors.connect + errors.read + errors.write,
    errors.timeout))
end
