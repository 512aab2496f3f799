-- A log is one stream. The id of an entry, "seq-epoch", is its position: seq counts from
-- 1 without holes, and epoch is a random number that stays the same for the life of the
-- log. There is no other state, so nothing can be lost in part: the first id shows what
-- has been trimmed, and a log that was wiped, evicted or never begun has no entries.
--
-- A log begins with an entry numbered 0, which carries the epoch until there are others.
-- Each entry has the fields "b", the bytes of all entries up to it, and "e", the event,
-- which begins with a unique mark of 8 bytes.
--
-- KEYS[1] is the log and, as a channel, where it is followed. ARGV[1] is the operation,
-- ARGV[2] the epoch for a new log.

local log = KEYS[1]

-- Numbers up to 2^53 are exact in Lua, and tostring would round them.
local function decimal(n) return string.format('%.0f', n) end

local function position(id)
	local seq, epoch = string.match(id, '^(%d+)-(%d+)$')
	return tonumber(seq), epoch
end

local function begin()
	redis.call('DEL', log) -- a stream without entries still refuses low ids
	redis.call('XADD', log, '0-' .. ARGV[2], 'b', '0', 'e', '')
	return 0, ARGV[2], 0
end

local function first() return redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1] end

-- last returns the number, the epoch and the bytes of the last entry.
local function last()
	local entry = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
	if not entry then
		return begin()
	end
	local seq, epoch = position(entry[1])
	return seq, epoch, tonumber(entry[2][2])
end

-- unlost begins a new log if this one has the epoch of the id but ends before it, or has
-- an entry with another mark there (if mark is not empty): then it comes from a replica or
-- a backup, and numbers were used twice or are about to be. Which events were lost is
-- unknown, but subscribers must learn that some were.
local function unlost(id, mark)
	local seq, epoch = last()
	local after, of = position(id)
	if of ~= epoch then
		return false
	end
	local entry = mark ~= '' and redis.call('XRANGE', log, id, id)[1]
	if after > seq or entry and string.sub(entry[2][4] or '', 1, 8) ~= mark then
		begin()
		redis.call('PUBLISH', log, '0-' .. ARGV[2] .. ' ')
		return true
	end
	return false
end

local operations = {}

-- append adds ARGV[3]. It keeps about ARGV[4] entries and ARGV[5] bytes, where 0 is no
-- limit. With ARGV[6] this is a retry, and the event of the first attempt may be after
-- that id. ARGV[7] and ARGV[8] are the last id that the caller knows, and its mark.
function operations.append()
	unlost(ARGV[7], ARGV[8])
	local event, most, most_bytes = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
	local seq, epoch, bytes = last()
	if ARGV[6] ~= '' then
		local mark = string.sub(event, 1, 8)
		local _, of = position(ARGV[6])
		local since = of == epoch and '(' .. ARGV[6] or '1'
		for _, entry in ipairs(redis.call('XREVRANGE', log, '+', since, 'COUNT', 1000)) do
			if string.sub(entry[2][4], 1, 8) == mark then
				return entry[1]
			end
		end
	end

	seq, bytes = seq + 1, bytes + #event
	local id = decimal(seq) .. '-' .. epoch
	if most > 0 then
		redis.call('XADD', log, 'MAXLEN', '~', most, id, 'b', decimal(bytes), 'e', event)
	else
		redis.call('XADD', log, id, 'b', decimal(bytes), 'e', event)
	end
	redis.call('PUBLISH', log, id .. ' ' .. event)

	local oldest = first()
	if most_bytes > 0 and bytes - tonumber(oldest[2][2]) > most_bytes then
		-- Find where to trim, an eighth below the limit so that the next events need not.
		-- The new entry stays whatever its size.
		local low, high = position(oldest[1]), seq - 1
		while low < high do
			local middle = math.floor((low + high) / 2)
			local at = decimal(middle) .. '-' .. epoch
			local entry = redis.call('XRANGE', log, at, at)[1]
			if not entry or bytes - tonumber(entry[2][2]) > most_bytes * 7 / 8 then
				low = middle + 1
			else
				high = middle
			end
		end
		redis.call('XTRIM', log, 'MINID', '=', decimal(high + 1) .. '-0')
	end
	return id
end

-- bounds returns the last position and the highest number that was trimmed.
function operations.bounds()
	local seq, epoch = last()
	local oldest = position(first()[1])
	return {decimal(seq) .. '-' .. epoch, decimal(math.max(oldest - 1, 0))}
end

-- read returns the last position, and at most ARGV[5] entries after the id ARGV[3], or
-- from the first on if that has another epoch. ARGV[4] is the mark of the entry there, or
-- empty; ARGV[6] and ARGV[7] are the last id that the caller knows, and its mark.
function operations.read()
	local at = ARGV[3]
	if unlost(at, ARGV[4]) or unlost(ARGV[6], ARGV[7]) then
		return redis.error_reply('LOST entries that had been read or written; a new log has begun')
	end
	local seq, epoch = last()
	local _, of = position(at)
	local from = of == epoch and '(' .. at or '1'
	return {decimal(seq) .. '-' .. epoch, redis.call('XRANGE', log, from, '+', 'COUNT', ARGV[5])}
end

return operations[ARGV[1]]()
