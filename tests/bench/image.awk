# SPDX-License-Identifier: BSD-3-Clause
#
# image.awk - the table of `image`
#
#	awk -v pairs=1 -f image.awk RESULTS | awk -f pairs.awk | awk -f image.awk
#
# RESULTS has lines "SIDE IMAGE WORK ROUND MS CPU". The first awk makes lines for pairs.awk of them,
# one for each work and round: the median where there are several of the same. The place is
# IMAGE/SIDE, the side "host" is the kernel's squashfs (the first one, if that is not there), and
# "container" the other. The last awk makes a row for each image and work, with a column for each
# side.

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
	limit["random-cold"] = limit["random-other"] = .6

	text["import"] = "import numpy, scipy"
	text["stat"] = "find + stat of everything"
	text["names"] = "find, names only"
	text["open"] = "open + fstat of every file"
	text["cat"] = "cat of everything"
	text["random"] = "random 4 KiB"
	text["cold"] = "cold"
	text["warm"] = "warm"
	text["again"] = "warm, 2nd time"
	text["other"] = "other pages of the same files"
}

# ---- results to pairs ----------------------------------------------------

function median(list, n,    i, k, x) {
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (k = i - 1; k > 0 && list[k] > x; k--)
			list[k + 1] = list[k]
		list[k + 1] = x
	}
	return (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
}

pairs && !/^#/ {
	key = $2 " " $4 " " $3 SUBSEP $1
	if (!count[key]++ && !seen[$2 " " $4 " " $3]++)
		keys[++total] = $2 " " $4 " " $3
	value[key, count[key]] = $5
	if (!known[$1]++)
		sides[++side_count] = $1
}

function print_pairs(    i, k, n, m, list, at, first, part) {
	first = "kernel" in known ? "kernel" : sides[1]
	for (i = 1; i <= total; i++) {
		split(keys[i], part, " ")
		for (k = 1; k <= side_count; k++) {
			at = keys[i] SUBSEP sides[k]
			for (n = 1; n <= count[at]; n++)
				list[n] = value[at, n]
			if (count[at])
				middle[sides[k]] = median(list, count[at])
		}
		for (k = 1; k <= side_count; k++) {
			if (!((keys[i] SUBSEP sides[k]) in count) || sides[k] == first)
				continue
			printf "%s/%s %d host %s 0 %s\n", part[1], sides[k], part[2], part[3], middle[first]
			printf "%s/%s %d container %s 0 %s\n", part[1], sides[k], part[2], part[3],
			    middle[sides[k]]
		}
	}
}

# ---- medians to rows -----------------------------------------------------

!pairs {
	split($1, part, "/")
	key = part[1] " " $2
	if (!(key in host)) {
		keys[++total] = key
		host[key] = $5
		same[key] = sprintf("%.2f–%.2f", $12, $13)
	}
	if (!known[part[2]]++)
		sides[++side_count] = part[2]
	ratio[key, part[2]] = $7
	cell[key, part[2]] = sprintf("%.2f (%.2f–%.2f)", $7, $8, $9)
	if (least < $4)
		least = $4
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

function digits(x) {
	return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x)
}

function print_rows(    i, k, part, line, name) {
	line = "| image | work | kernel, ms | kernel / kernel |"
	for (k = 1; k <= side_count; k++)
		line = line " " sides[k] " |"
	print line " target | |"
	gsub(/[^|]+/, " --- ", line)
	print line " --- | --- |"
	for (i = 1; i <= total; i++) {
		split(keys[i], part, " ")
		name = part[2]
		line = "| " part[1] " | " words(name) " | " digits(host[keys[i]]) " | " same[keys[i]] " |"
		for (k = 1; k <= side_count; k++)
			line = line " " cell[keys[i], sides[k]] " |"
		if (name in limit && (keys[i], "davit") in ratio)
			line = line " ≤ " limit[name] " | " \
			    (ratio[keys[i], "davit"] <= limit[name] ? "met" : "MISSED") " |"
		else
			line = line " | |"
		print line
	}
}

END {
	if (pairs)
		print_pairs()
	else
		print_rows()
}
