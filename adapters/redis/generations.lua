-- The numbers of a cache, and what its tags were raised to, are one sorted set,
-- so that they cannot be lost in part. Its members are "#next", at the number
-- given out last; "#floor", at what no tag is below; and each tag that was
-- raised above that, behind a "t".
--
-- A number is one more than the last, and at least the microseconds since 1970.
-- Nobody takes a million of them a second; so a set that is begun anew, or that
-- a replica did not have to the end, goes on above all that was given out.
--
-- KEYS[1] is the set, ARGV[1] the operation.

local set = KEYS[1]

local function score(member) return tonumber(redis.call('ZSCORE', set, member) or nil) end

local function put(member, n) redis.call('ZADD', set, string.format('%.0f', n), member) end

local function clock()
	local now = redis.call('TIME')
	return now[1] * 1000000 + now[2]
end

-- begin makes the set if there is none. What was raised before is not known then,
-- so everything counts as raised to now.
local function begin()
	if not score('#next') then
		local now = clock()
		redis.call('DEL', set)
		put('#next', now)
		put('#floor', now)
	end
end

local operations = {}

function operations.next()
	local n = math.max(score('#next') + 1, clock())
	put('#next', n)
	return n
end

-- raise lifts the tags from ARGV[4] on to ARGV[2], and forgets those that were
-- raised longest ago if there are more than ARGV[3], where 0 is no bound.
function operations.raise()
	local n, most = tonumber(ARGV[2]), tonumber(ARGV[3])
	local floor = score('#floor')
	if n > floor then
		for i = 4, #ARGV do
			local tag = 't' .. ARGV[i]
			if n > (score(tag) or 0) then
				put(tag, n)
			end
		end
	end
	local tags = redis.call('ZCARD', set) - 2
	if most > 0 and tags > most then
		-- An eighth more than need be, so that this is rare. Those that were
		-- raised by the same number go together.
		local last, next = tags - math.floor(most * 7 / 8), score('#next')
		redis.call('ZREM', set, '#floor', '#next')
		floor = tonumber(redis.call('ZRANGE', set, last - 1, last - 1, 'WITHSCORES')[2])
		redis.call('ZREMRANGEBYSCORE', set, '-inf', string.format('%.0f', floor))
		put('#floor', floor)
		put('#next', next)
	end
	return 0
end

-- latest returns what the highest of the tags from ARGV[2] on is at.
function operations.latest()
	local n = score('#floor')
	for i = 2, #ARGV do
		n = math.max(n, score('t' .. ARGV[i]) or 0)
	end
	return n
end

begin()
return operations[ARGV[1]]()
