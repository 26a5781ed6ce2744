#!/usr/bin/env bash
# The CSV reader, decompression and the fast conversions under AddressSanitizer
# and UndefinedBehaviorSanitizer, over random objects: see unit/csv.c.
exec "$(dirname "$0")/../unit/run.sh" csv 5000
