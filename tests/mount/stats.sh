# Words for tests of stats.json and metrics.

# metric NAME: the value of a sample, labels included, of metrics
metric() {
	awk -v name="$1" '{ at = index($0, "} "); if (!at) at = index($0, " ") - 1 }
		substr($0, 1, at) == name { print substr($0, at + 2) }' "$MNT/.cachefs/metrics"
}
