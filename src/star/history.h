/*
 * star/history.h
 *		Members of a dimension whose attributes change over the source's time.
 */
#ifndef OLIST_HISTORY_H
#define OLIST_HISTORY_H

#include "star/build.h"
#include "star/origin.h"

/* the columns that every dimension with history ends with, filled by olist_history_put() */
#define OLIST_VERSION_COLUMNS                                                                    \
	{"valid_from", "timestamp NOT NULL",                                                         \
	 "When the source first showed this version (UTC); -infinity for the first"},                \
		{"valid_to", "timestamp NOT NULL", "Exclusive end; infinity for the current version"},   \
		{"is_current", "boolean NOT NULL", "Is this the latest version? False for -1"},          \
		{"version", "integer NOT NULL", "1 is the first version; 0 for -1"},                     \
		{"is_inferred", "boolean NOT NULL", "Named by another row, but not yet arrived itself"}, \
		OLIST_PROVENANCE_COLUMNS

/* one version of a member, to be written as a row */
typedef struct OlistVersion
{
	int64 key;
	const char *natural_key; /* not NUL-terminated */
	int natural_key_len;
	int number;			  /* 1 is the first; 0: the row 'unknown' */
	Timestamp valid_from; /* -infinity for the first */
	Timestamp valid_to;	  /* exclusive; infinity for the current */
	bool is_inferred;	  /* named by another row, but not arrived */
	const Datum *values;  /* the attributes, in the order of the columns; NULL if inferred */
	const bool *isnull;	  /* or unknown */
	OlistOrigin origin;
} OlistVersion;

typedef struct OlistHistory
{
	const OlistTable *table;
	const char *entity;				/* whose rows are observations */
	const OlistScanColumn *columns; /* natural key, attributes, _object_id, _line */
	int nattributes;
	/* the same in the dimension, is_inferred, the surrogate key, valid_from and valid_to */
	const OlistScanColumn *prior_columns;
	/* make a dimension's attributes those that the source had; or NULL */
	void (*restore)(Datum *values, bool *isnull);
	const char *referrer;		 /* entity whose rows may name members that */
	const char *referrer_column; /* have not arrived, and in which column */
	/* set the dimension's own columns for a version, or for 'unknown' */
	void (*set)(OlistBuild *build, const OlistVersion *version, void *arg);
	void *arg;
	int natural_key_column; /* in the dimension; the surrogate key is column 0 */
	int version_columns;	/* the first of OLIST_VERSION_COLUMNS */
	const OlistTable *mention;
} OlistHistory;

/*
 * Which members an object showed, as the surrogate keys of their first
 * versions. A version keeps only its first observation; should an older object
 * arrive later, the others count again.
 */
#define OLIST_MENTION_TABLE(dimension)                                                      \
	{                                                                                       \
		.name = dimension "_mention",                                                       \
		.comment = "The members of dim_" dimension " that each object showed",              \
		.columns = (const OlistColumn[]){{"_object_id", "bigint NOT NULL",                  \
										  "The object, in olist_etl.ledger"},               \
										 {"members", "int8multirange NOT NULL",             \
										  "Surrogate keys of the members' first versions"}, \
										 {0}},                                              \
		.primary_key = (const char *const[]){"_object_id", NULL}, .keeps_rows = true,       \
		.scope = "prior_mention", .scope_column = "_object_id",                             \
	}

/*
 * Write the row 'unknown' and the versions of all members. Each staged row is
 * an observation at the time of its object, and so is each version that the
 * warehouse has already: the source may not show it any more. A version begins
 * where an attribute differs from the observation before, and the first is
 * valid from -infinity. Of several observations at one time the last counts;
 * staged rows among the others that differ from it, or stand in the same
 * object, are rejected as duplicates.
 */
extern void olist_history_build(const OlistHistory *history, OlistBuild *build);

/* build the table of mentions; after the dimension is complete */
extern void olist_history_build_mentions(const OlistHistory *history);

#endif /* OLIST_HISTORY_H */
