/*
 * quality/rule.h
 *		What must hold of the data: the rows of olist_etl.check_rule.
 */
#ifndef OLIST_RULE_H
#define OLIST_RULE_H

#include "nodes/pg_list.h"

/* relations that are neither entities nor tables */
#define OLIST_RULE_OBJECTS "objects"
#define OLIST_RULE_REJECTS "rejects"

typedef enum OlistRuleStatus
{
	OLIST_RULE_PASSED,
	OLIST_RULE_WARNED,
	OLIST_RULE_FAILED,
	OLIST_RULE_SKIPPED
} OlistRuleStatus;

/* how large the measured number may be, or how far off its baseline */
typedef struct OlistTolerance
{
	double limit;
	bool is_percentage;
} OlistTolerance;

typedef struct OlistRule
{
	char *name;
	char *relation;
	char *expression;	 /* SQL */
	bool is_predicate;	 /* over a row; else over all rows */
	bool is_fatal;		 /* stops the run */
	bool is_trusted;	 /* the current user may let its author's SQL run */
	bool is_partial;	 /* tables of the warehouse are only what a batch touches */
	bool of_batch;		 /* what is measured is a batch, in that or another way */
	bool has_baseline;	 /* is compared with what it gave before */
	bool knows_expected; /* often enough to say what is to be expected */
	double expected;
	char *tolerance_text;
	OlistTolerance tolerance;
	char *owner;
	char *description; /* or NULL */
	char *hint;		   /* or NULL */

	/* what measuring gives; measured is NULL where there was nothing to measure */
	int64 rows;
	char *measured;
	bool is_boolean;
	double value;  /* of measured; of true and false: 0 and 1 */
	char *error;   /* why it could not be measured, or NULL */
	char *skipped; /* why it is not to be measured this time, or NULL */

	/* the verdict */
	OlistRuleStatus status;
	double allowed;
	char *message;
} OlistRule;

/*
 * The enabled rules, or only the one of that name (enabled or not; 42704 if
 * there is none), palloc'd in the current context, in the order of their
 * relations and scopes. is_merge: what is about to be published is a batch.
 */
extern List *olist_rules_load(const char *only, bool is_merge);

/*
 * Measure the rules by the current user's rights: one statement a relation and
 * scope. source is the source whose objects the relation "objects" stands for. A rule
 * whose SQL fails says so in error; only errors that have nothing to do with
 * the SQL (a cancel, no memory, a deadlock) are raised.
 */
extern void olist_rules_measure(List *rules, const char *source);

/* compare what was measured with what is allowed */
extern void olist_rule_judge(OlistRule *rule);

/*
 * Keep the rules' results as those of a run: in place of earlier ones, if the
 * run is going on and is one of a role whose rights the current user has.
 */
extern void olist_rules_keep(List *rules, int64 run_id);

#endif /* OLIST_RULE_H */
