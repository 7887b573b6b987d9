-- What the gateway does with a caller that has an API key: who it is, whether it may, its rate, a trace.
local M = {}

local function hex(bytes)
    local text = {}
    for i = 1, bytes do
        text[i] = string.format("%02x", math.random(0, 255))
    end
    return table.concat(text)
end

function M.access(route)
    local key = ngx.var.http_x_api_key
    local caller = key and ngx.shared.keys:get(key)
    if not caller then
        return ngx.exit(401)
    end
    local count = ngx.shared.limits:incr(caller .. ngx.time(), 1, 0, 2)
    if count > 1000000 then
        return ngx.exit(429)
    end
    local trace = ngx.var.http_traceparent
    if not trace then
        trace = "00-" .. hex(16) .. "-" .. hex(8) .. "-01"
    end
    ngx.req.set_header("traceparent", trace)
    ngx.req.set_header("x-rialto-application", caller)
    ngx.req.clear_header("x-api-key")
    ngx.ctx.route = route
end

function M.log()
    local route = ngx.ctx.route or "none"
    local metrics = ngx.shared.metrics
    metrics:incr(route .. ngx.status, 1, 0)
    metrics:incr(route .. "seconds", tonumber(ngx.var.request_time) or 0, 0)
end

function M.load(file)
    local number = 0
    for line in io.lines(file) do
        ngx.shared.keys:set(line, "a" .. number)
        number = number + 1
    end
end

return M
