# olist_etl: what can be made
#
#   make                        builds, for the server of PG_CONFIG (default: pg_config on the path)
#   make install, uninstall     puts it into that server, and takes it back out
#   make installcheck           the regression tests, against the running server of PGHOST, PGPORT
#   make clean                  removes what was built
#
#   make demo                   everything from nothing: see README.md
#     DATA=FILE|DIRECTORY       with Kaggle's archive.zip, or a directory with its files
#     SCALE=NUMBER              or with so much of a generated sample; 1 is the real set's size
#   make test                   everything from nothing, then every test
#     PATTERN='WORD...'         or only those whose file names hold one of the words
#
#   make lint                   clang-format, cppcheck and clang-tidy
#   make format, format-check   clang-format alone
#   make help                   this
#
# demo and test stand before PGXS, because they must work on a machine that
# has no pg_config yet: they install it.

ifneq (,$(filter demo test help,$(MAKECMDGOALS)))

export DATA PATTERN
demo:
	@test/demo.sh
test:
	@test/test.sh $(PATTERN)
help:
	@sed -n '/^#/!q; /^# demo/q; s/^# \{0,1\}//p' Makefile

.PHONY: demo test help

else

EXTENSION   = olist_etl
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" olist_etl.control)
SCRIPT      = sql/$(EXTENSION)--$(EXTVERSION).sql

MODULE_big  = $(EXTENSION)
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
DATA        =  # not the environment's: it is make demo's argument
DATA_built  = $(SCRIPT)

# our headers are named from src/ ("source/stream.h"); the server's own are
# system headers, so that -Wextra speaks of our code only
PG_CPPFLAGS = -DOLIST_VERSION='"$(EXTVERSION)"' -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter
SHLIB_LINK  = -lcsv -lcurl -lz -lzstd -lexpat

REGRESS        = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION      = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = $(REGRESS_OPTS)

EXTRA_CLEAN = $(wildcard sql/$(EXTENSION)--*.sql) results output_iso regression.diffs regression.out

# nothing here is worth inlining into JIT-compiled expressions
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error $(PG_CONFIG) names no server's development files: install postgresql-server-dev-15 or a later one, or name another by make PG_CONFIG=…)
endif
include $(PGXS)

$(SCRIPT): $(sort $(wildcard sql/[0-9][0-9]_*.sql))
	cat $^ > $@

# isolation tests find their expected output beside their results or, up to
# PostgreSQL 15, under test/; ours stands with all the rest
installcheck: output_iso/expected
output_iso/expected:
	mkdir -p $(@D)
	ln -sfn ../expected $@

# every object depends on every header: the tree is small, stale objects are not
$(OBJS): $(wildcard src/*.h src/*/*.h)

SOURCES = $(wildcard src/*.[ch] src/*/*.[ch] test/unit/*.[ch])
format:
	clang-format -i $(SOURCES)
format-check:
	clang-format --dry-run -Werror $(SOURCES)
# what it is bad at are gcc's own warnings too
cppcheck:
	cppcheck -q --std=c11 --error-exitcode=1 --enable=warning,performance,portability \
		--suppress=returnDanglingLifetime --suppress=uninitvar --suppress=ctuuninitvar \
		--suppress=normalCheckLevelMaxBranches \
		--inline-suppr --include=test/lint/cppcheck.h -Isrc src
tidy:
	printf '%s\n' $(filter %.c,$(SOURCES)) | \
		xargs -P $$(nproc) -I{} clang-tidy --quiet {} -- -std=gnu11 $(CPPFLAGS)
lint: format-check cppcheck tidy

.PHONY: format format-check cppcheck tidy lint

endif
