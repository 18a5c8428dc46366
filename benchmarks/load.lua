-- What wrk sends and prints: `wrk ... -s load.lua URL -- FOLDER COUNT`.
-- The requests lie in FOLDER/0, FOLDER/1, ... as they go over the wire, and are sent in turns: an
-- answer that a server remembered would not help it.

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

-- No function `response`: it would run for each answer and slow what measures. wrk itself counts
-- answers of status 400 and above.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d, ' ..
    '"late": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status, errors.connect + errors.read + errors.write,
    errors.timeout))
end
