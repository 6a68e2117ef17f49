# SPDX-License-Identifier: BSD-3-Clause
#
# image.awk - the tables of `image`
#
#	awk -v mode=pairs -v base=SIDE -f image.awk RESULTS | awk -f pairs.awk |
#	    awk -v mode=table -v base=SIDE -f image.awk
#	... the same with mode=plot
#	awk -v mode=server -f image.awk RESULTS
#
# RESULTS has lines "SIDE IMAGE WORK ROUND VALUE CPU", values in ms or KiB. `pairs` makes lines for
# pairs.awk of them: the place is IMAGE/SIDE/BASE, "host" the base, "container" the other side;
# where there are several of the same round, their median. `table` makes a row for each image and
# work, with a column for each side. With base=kernel these are all but containers, which are
# compared with base=davit. Where the kernel is not among the sides, the first one takes its place.
# `plot` makes lines for image.gnuplot, which says what they are. `server` makes rows of what is said
# about the server alone.

BEGIN {
	limit["import1-cold"] = .75
	limit["import1-warm"] = limit["import1-again"] = 1
	limit["import8-cold"] = limit["import32-cold"] = 1
	limit["import8-warm"] = limit["import32-warm"] = 1.1
	limit["import8-again"] = limit["import32-again"] = 1.1
	limit["cat1-cold"] = .8
	limit["cat4-cold"] = .4
	limit["stat-cold"] = 1
	limit["stat-warm"] = .9
	limit["open-warm"] = 1.2
	limit["random-cold"] = .6
	limit["importbound-cold"] = .75
	limit["importbound-warm"] = limit["importbound-again"] = 1
	limit["catbound-cold"] = .8
	limit["statbound-cold"] = 1
	limit["statbound-warm"] = .9
	limit["openbound-warm"] = 1.2

	text["import"] = "import numpy, scipy"
	text["stat"] = "find + stat of everything"
	text["names"] = "find, names only"
	text["open"] = "find, open + fstat of every file"
	text["paths"] = "open + fstat of every file by its path"
	text["cat"] = "cat of everything"
	text["random"] = "random 4 KiB"
	text["statbound"] = text["stat"] ", bound to a CPU"
	text["openbound"] = text["open"] ", bound to a CPU"
	text["catbound"] = text["cat"] ", 1 reader, bound to a CPU"
	text["importbound"] = text["import"] ", bound to a CPU"
	text["mount"] = "mount, until ready"
	text["cold"] = "cold"
	text["warm"] = "warm"
	text["again"] = "warm, 2nd time"
	text["other"] = "other pages of the same files"
}

function median(list, n,    i, k, x) {
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (k = i - 1; k > 0 && list[k] > x; k--)
			list[k + 1] = list[k]
		list[k + 1] = x
	}
	return (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
}

# A number with three digits that count, and all before the point.
function digits(x) {
	return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x)
}

function row(a, b, c, d, e, f) {
	printf "| %s | %s | %s | %s | %s | %s |\n", a, b, c, d, e, f
}

# ---- results to pairs ----------------------------------------------------

mode == "pairs" && !/^#/ && $3 !~ /^memory/ {
	work = $2 " " $4 " " $3
	if (!seen[work]++)
		works[++total] = work
	if (!known[$1]++)
		sides[++side_count] = $1
	value[work, $1, ++count[work, $1]] = $5
}

function middle(work, side,    i, list) {
	for (i = 1; i <= count[work, side]; i++)
		list[i] = value[work, side, i]
	return median(list, count[work, side])
}

function is_container(side) {
	return side ~ /^(container|writable|overlay)$/
}

function print_pairs(    i, k, part, place, first, is_about_containers) {
	is_about_containers = base == "davit"
	for (k = side_count; k > 0 && !known["kernel"] && base == "kernel"; k--)
		if (!is_container(sides[k]))
			first = sides[k]
	if (first)
		base = first
	for (i = 1; i <= total; i++)
		for (k = 1; k <= side_count; k++) {
			if (!count[works[i], sides[k]] || !count[works[i], base] || sides[k] == base ||
			    is_container(sides[k]) != is_about_containers)
				continue
			split(works[i], part, " ")
			place = part[1] "/" sides[k] "/" base
			print place, part[2], "host", part[3], 0, middle(works[i], base)
			print place, part[2], "container", part[3], 0, middle(works[i], sides[k])
		}
}

# ---- medians to rows -----------------------------------------------------

mode == "table" {
	split($1, part, "/")
	work = part[1] " " $2
	if (!(work in host)) {
		works[++total] = work
		host[work] = $5
		same[work] = sprintf("%.2f–%.2f", $12, $13)
	}
	if (!known[part[2]]++)
		sides[++side_count] = part[2]
	base = part[3]
	ratio[work, part[2]] = $7
	cell[work, part[2]] = sprintf("%.2f (%.2f–%.2f)", $7, $8, $9)
}

# "import8-cold" in words.
function words(name,    part, kind, many) {
	split(name, part, "-")
	kind = many = part[1]
	sub(/[0-9]+$/, "", kind)
	sub(/^[a-z]+/, "", many)
	return text[kind] (kind == "import" && many > 1 ? ", " many " at once" : "") \
	    (kind == "cat" ? ", " many (many > 1 ? " readers" : " reader") : "") ", " text[part[2]]
}

function verdict(work, name,    k) {
	if (base == "davit") {
		for (k = 1; k <= side_count; k++)
			if (ratio[work, sides[k]] > 1.1)
				return " ≤ 1.1 | MISSED |"
		return " ≤ 1.1 | met |"
	}
	if (!(name in limit) || !((work, "davit") in ratio) || work ~ /^many/)
		return " | |"
	return " ≤ " limit[name] " | " (ratio[work, "davit"] <= limit[name] ? "met" : "MISSED") " |"
}

function print_table(    i, k, part, line) {
	if (!total)
		return
	line = "| image | work | " base ", ms | " base " / " base " |"
	for (k = 1; k <= side_count; k++)
		line = line " " sides[k] " |"
	line = line " target |  |"
	print line
	gsub(/[^|]+/, " --- ", line)
	print line
	for (i = 1; i <= total; i++) {
		split(works[i], part, " ")
		line = "| " part[1] " | " words(part[2]) " | " digits(host[works[i]]) " | " \
		    same[works[i]] " |"
		for (k = 1; k <= side_count; k++)
			line = line " " cell[works[i], sides[k]] " |"
		print line verdict(works[i], part[2])
	}
}

mode == "plot" && $2 !~ /^mount/ && $1 !~ /^many/ {
	split($1, part, "/")
	if (!($2 in place))
		place[$2] = ++total
	printf "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", part[1], part[2], place[$2], $7, $8, $9,
	    $2 in limit ? limit[$2] : "NaN", words($2)
}

# ---- the server ----------------------------------------------------------

mode == "server" && /^#/ && /server's cache/ {
	cache = $0
	sub(/.*server's cache: /, "", cache)
	cache = int(cache)
}

mode == "server" && !/^#/ {
	if (!seen[$2]++)
		works[++total] = $2
	at = $2 SUBSEP $1 SUBSEP $3
	value[at, ++count[at]] = $5
	used[at, count[at]] = $6
}

# The median of `from`, value or used.
function mid(image, side, work, from,    at, i, list) {
	at = image SUBSEP side SUBSEP work
	for (i = 1; i <= count[at]; i++)
		list[i] = from[at, i]
	return median(list, i - 1)
}

function has(image, side, work) {
	return (image SUBSEP side SUBSEP work) in count
}

# "davit NUMBER; kernel NUMBER; ...", of those that are there.
function by_side(image, work, from, scale,    k, name, line, number) {
	split("davit squashfuse kernel", name, " ")
	for (k = 1; k <= 3; k++) {
		number = has(image, name[k], work) ? mid(image, name[k], work, from) : 0
		if (number > 0) # the kernel has no server
			line = line (line ? "; " : "") name[k] " " digits(number / scale)
	}
	return line
}

function fact(image, what, line, number, unit, most) {
	row(image, what, line, sprintf("**%s**%s", digits(number), unit), "≤ " most unit,
	    number <= most ? "met" : "MISSED")
}

function print_server_of(image,    most, after, k) {
	for (k = split("stat cat", after, " "); k > 0; k--)
		if (has(image, "davit", "memory-" after[k]) && image != "many")
			fact(image, "memory after " text[after[k]] ", less cache of " cache " MiB, MB",
			    by_side(image, "memory-" after[k], value, 1000 / 1.024),
			    mid(image, "davit", "memory-" after[k], value) * 1.024e-3 - cache * 1.048576,
			    " MB", 16)
	if (has(image, "davit", "import1-cold") && has(image, "squashfuse", "import1-cold"))
		fact(image, "its CPU time for import numpy, scipy, cold, ms",
		    by_side(image, "import1-cold", used, 1), mid(image, "davit", "import1-cold", used) \
		    / mid(image, "squashfuse", "import1-cold", used), "", 1)
	for (k = split("warm cold", after, " "); k > 0; k--)
		if (has(image, "davit", "mount-" after[k]))
			fact(image, words("mount-" after[k]) ", ms", by_side(image, "mount-" after[k], value, 1),
			    mid(image, "davit", "mount-" after[k], value), " ms", image == "many" ? 1000 : 15)
	for (k = split("stat mounted", after, " "); k > 0 && image == "many"; k--)
		if (has(image, "davit", "memory-" after[k]))
			fact(image, "memory, " (after[k] == "stat" ? "after " text["stat"] : "when mounted") ", MB",
			    by_side(image, "memory-" after[k], value, 1000 / 1.024),
			    mid(image, "davit", "memory-" after[k], value) * 1.024e-3, " MB", 150)
}

function print_server(    i) {
	row("image", "measure", "in this run", "davit", "target", "")
	row("---", "---", "---", "---", "---", "---")
	for (i = 1; i <= total; i++)
		print_server_of(works[i])
}

END {
	if (mode == "pairs")
		print_pairs()
	else if (mode == "table")
		print_table()
	else if (mode == "server")
		print_server()
}
