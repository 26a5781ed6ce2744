/*
 * base/trust.h
 *		Whose tables we write into.
 */
#ifndef OLIST_TRUST_H
#define OLIST_TRUST_H

/*
 * Writing into a table runs its owner's triggers, defaults and constraints with
 * our rights. Raise 42501 unless the role that owns what is named is the
 * current user, a superuser, or, when the current user is none, a role that it
 * is a member of: then it gains nothing by our writing there. what is a noun
 * phrase such as "table \"x\"".
 */
extern void olist_trust_check_owner(Oid owner, const char *what);

#endif /* OLIST_TRUST_H */
