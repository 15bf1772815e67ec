#!/bin/bash
# The suite over stacks with write_through, and with each way to promote.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/suite.sh"

test_ttl_over_disk() { suite ttl_over_disk; }
test_ttl_over_redis() { long_suite ttl_over_redis; }
test_memory_over_redis_over_disk() { long_suite memory_over_redis_over_disk; }
test_memory_over_disk() { suite memory_over_disk; }
test_lfu_over_file() { suite lfu_over_file; }
test_disk_over_disk() { long_suite disk_over_disk; }
test_disk_over_file() { long_suite disk_over_file; }
test_noop_over_disk() { long_suite noop_over_disk; }
test_three_layers() { long_suite three_layers; }
test_promotion_never() { long_suite promotion_never; }
test_promotion_by_frequency() { suite promotion_by_frequency; }

run_tests
