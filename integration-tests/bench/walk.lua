-- Walks over the chunks of one variable. Arguments after `--`: path prefix, number of chunks, path suffix.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  count = tonumber(args[2])
  requests = {}
  for chunk = 0, count - 1 do
    requests[chunk] = wrk.format("GET", args[1] .. chunk .. args[3])
  end
  step = number * 7
end

function request()
  step = step + 1
  return requests[step % count]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "bytes": %d, "microseconds": %d, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
