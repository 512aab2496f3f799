-- The numbers of a cache, what its tags were raised to, and the noted tags are one sorted
-- set, so that they cannot be lost in part. Its members are "#next", at the last number
-- given out; "#floor", a lower limit for all tags; each tag raised above that, prefixed
-- by "t"; each noted tag, prefixed by "n", at minus the millisecond of its end; and
-- "#noted", likewise, if every tag counts as noted.
--
-- A number is one more than the last, and at least the microseconds since 1970. No
-- service takes a million of them per second; so a new set, or one of a replica that
-- lagged, continues above all earlier numbers.
--
-- The set expires with the last noted response, and not within the hour. By then it is
-- equivalent to a new one: that has nothing noted, and everything raised.
--
-- KEYS[1] is the set, ARGV[1] the operation, ARGV[2] how many tags of each kind are kept,
-- where 0 is no limit. An eighth more than necessary is forgotten at once, so that this
-- is rare.

local set, most = KEYS[1], tonumber(ARGV[2])

local function score(member) return tonumber(redis.call('ZSCORE', set, member) or nil) end

local function put(member, n) redis.call('ZADD', set, string.format('%.0f', n), member) end

local function clock()
	local now = redis.call('TIME')
	return now[1] * 1000000 + now[2]
end

local function milliseconds() return math.floor(clock() / 1000) end

local function live(ms)
	if redis.call('PTTL', set) < ms then
		redis.call('PEXPIRE', set, string.format('%.0f', ms))
	end
end

local hour = 3600 * 1000

-- begin makes the set if there is none. Earlier raises are not known then, so every tag
-- counts as raised to now.
local function begin()
	if not score('#next') then
		local now = clock()
		redis.call('DEL', set)
		put('#next', now)
		put('#floor', now)
		live(hour)
	end
end

local operations = {}

function operations.next()
	local n = math.max(score('#next') + 1, clock())
	put('#next', n)
	live(hour)
	return n
end

-- raise raises the tags from ARGV[4] on to ARGV[3], and forgets those that were raised
-- longest ago if there are too many.
function operations.raise()
	local n, floor = tonumber(ARGV[3]), score('#floor')
	if n > floor then
		for i = 4, #ARGV do
			local tag = 't' .. ARGV[i]
			if n > (score(tag) or 0) then
				put(tag, n)
			end
		end
	end
	local tags = redis.call('ZCOUNT', set, '(0', '+inf') - 2
	if most > 0 and tags > most then
		-- Tags that were raised by the same number are forgotten together.
		local notes = redis.call('ZCARD', set) - tags - 2
		local last, next = notes + tags - math.floor(most * 7 / 8) - 1, score('#next')
		redis.call('ZREM', set, '#floor', '#next')
		floor = tonumber(redis.call('ZRANGE', set, last, last, 'WITHSCORES')[2])
		redis.call('ZREMRANGEBYSCORE', set, '(0', string.format('%.0f', floor))
		put('#floor', floor)
		put('#next', next)
	end
	live(hour)
	return 0
end

-- latest returns the highest number of the tags from ARGV[3] on.
function operations.latest()
	local n = score('#floor')
	for i = 3, #ARGV do
		n = math.max(n, score('t' .. ARGV[i]) or 0)
	end
	return n
end

-- note notes the tag ARGV[3] for the next ARGV[4] milliseconds, and forgets expired
-- notes. Of too many it forgets those that expire first: until then, every tag counts as
-- noted.
function operations.note()
	local now, keep = milliseconds(), tonumber(ARGV[4])
	local function note(member, till)
		if till < (score(member) or 0) then
			put(member, till)
		end
	end
	note('n' .. ARGV[3], -(now + keep))
	redis.call('ZREMRANGEBYSCORE', set, string.format('%.0f', -now), '(0')
	local notes = redis.call('ZCOUNT', set, '-inf', '(0')
	if most > 0 and notes > most then
		local first = math.floor(most * 7 / 8)
		local till = tonumber(redis.call('ZRANGE', set, first, first, 'WITHSCORES')[2])
		redis.call('ZREMRANGEBYRANK', set, first, notes - 1)
		note('#noted', till)
	end
	live(math.max(keep, hour))
	return 0
end

-- noted returns 1 if the tag ARGV[3] is noted, else 0.
function operations.noted()
	local now = milliseconds()
	for _, member in ipairs({'n' .. ARGV[3], '#noted'}) do
		if -(score(member) or 0) > now then
			return 1
		end
	end
	return 0
end

begin()
return operations[ARGV[1]]()
