-- wrk: every request to another route by another caller.
local keys = {}
local at = 0

function init(args)
    for line in io.lines(args[1]) do
        keys[#keys + 1] = line
    end
end

function request()
    at = at + 7919
    local path = "/v1/resource" .. (at % 10000) .. "/1"
    return wrk.format("GET", path, { ["X-API-Key"] = keys[at % #keys + 1] })
end
