# SPDX-License-Identifier: BSD-3-Clause
#
# table.awk - rows of tables from what pairs.awk prints
#
# All sizes of the tests between ranks; with -v summary=1 one row for each of
# their places and tests; with -v times=1 what starting takes.

BEGIN {
	unit["latency"] = unit["allreduce"] = unit["barrier"] = "µs"
	unit["bandwidth"] = "MB/s"
	what["8 init"] = "MPI_Init"
	what["8 main"] = "srun until main"
	what["8 ready"] = "srun until MPI_Init is through"
	what["64 start"] = "srun until the last static program runs, each rank"
	what["64 main"] = "srun until main of the last MPI program, each rank"
	what["64 init"] = "MPI_Init, each rank"
	what["64 ready"] = "srun until MPI_Init is through, each rank"
	limit["8 init"] = 20
	limit["64 start"] = limit["64 ready"] = 3
}

/^#/ { next }

function size_text(bytes) {
	if (bytes >= 1048576)
		return bytes / 1048576 " MiB"
	return bytes >= 1024 ? bytes / 1024 " KiB" : bytes " B"
}

# A number with three digits that count, and all before the point.
function digits(x) {
	return sprintf(x < 1 ? "%.3f" : x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x)
}

# Is the ratio in the band? If not, is that certain?
function verdict() {
	if ($7 >= .97 && $7 <= 1.03)
		return "met"
	return $10 <= 1.03 && ($11 == "inf" || $11 >= .97) ? "unclear" : "MISSED"
}

$2 in unit && !summary && !times {
	printf "| %s | %s | %s | %d | %s | %s | %s | %.3f (%.3f–%.3f) | %.3f–%.3f | %s |\n",
	    $1, $2, $3 ? size_text($3) : "", $4, digits($5), digits($6), unit[$2], $7, $8, $9,
	    $12, $13, verdict()
}

$2 in unit && summary {
	key = $1 " " $2
	if (!(key in sizes))
		keys[++count] = key
	sizes[key]++
	met[key] += verdict() == "met"
	if (verdict() == "MISSED")
		missed[key] = missed[key] (missed[key] ? ", " : "") size_text($3)
	if (!(key in least) || $7 < least[key])
		least[key] = $7
	if (!(key in most) || $7 > most[key])
		most[key] = $7
}

$1 " " $2 in what && times {
	key = $1 " " $2
	ranks = $1 == 64 ? 64 : 1
	note = key in limit ? ($14 / ranks <= limit[key] ? "met" : "MISSED") : ""
	printf "| %s | %s | %s − %s = **%.2f** (%.2f–%.2f) | %s | %s |\n", $1, what[key],
	    digits($6 / ranks), digits($5 / ranks), $14 / ranks, $15 / ranks, $16 / ranks,
	    key in limit ? "≤ " limit[key] : "", note
}

END {
	for (i = 1; i <= count; i++) {
		key = keys[i]
		split(key, part, " ")
		printf "| %s | %s | %d | %.3f–%.3f | %d | %s |\n", part[1], part[2], sizes[key],
		    least[key], most[key], met[key], missed[key]
	}
}
