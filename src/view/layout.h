/*
 * view/layout.h
 *		The picture of a state machine: what is drawn, and where.
 *
 * A column holds states one below the other, in the order in which they are
 * reached. Parallel and Map are boxes that hold columns side by side. Every
 * format draws this same layout.
 */
#ifndef OLIST_LAYOUT_H
#define OLIST_LAYOUT_H

#include "asl/definition.h"

/* how a state did in a run; by colour and by word everywhere */
typedef enum OlistShown
{
	OLIST_SHOWN_PLAIN, /* no run is shown */
	OLIST_SHOWN_NOT_REACHED,
	OLIST_SHOWN_RUNNING,
	OLIST_SHOWN_SUCCEEDED,
	OLIST_SHOWN_CAUGHT,
	OLIST_SHOWN_FAILED,
	OLIST_SHOWN_CANCELLED
} OlistShown;

/* what a state did in a run, over all branches and iterations */
typedef struct OlistMeasure
{
	int64 entered;
	int64 exited;
	int64 caught;	/* exits by a Catcher */
	int64 attempts; /* of a task */
	int64 items;	/* of a Map, all of them */
	int64 items_done;
	int64 rows;		 /* -1: unknown */
	bool failing;	 /* what it did last has failed */
	bool cancelled;	 /* it was stopped because of others */
	OlistTime first; /* entered first */
	OlistTime last;	 /* its last event */
} OlistMeasure;

typedef enum OlistEdgeKind
{
	OLIST_EDGE_NEXT,
	OLIST_EDGE_CHOICE, /* labelled with its condition */
	OLIST_EDGE_DEFAULT,
	OLIST_EDGE_CATCH /* dashed, labelled with its errors */
} OlistEdgeKind;

typedef struct OlistEdge
{
	OlistEdgeKind kind;
	struct OlistNode *to;
	char *label; /* "" if there is none */
} OlistEdge;

/* states one below the other */
typedef struct OlistColumn
{
	struct OlistNode **nodes;
	int count;
	int x; /* of the picture, in pixels */
	int y;
	int width;
	int height;
	int lanes; /* of edges that go round states, right of them */
} OlistColumn;

typedef struct OlistNode
{
	const OlistState *state;
	int id;				  /* 0, 1, … in the order of drawing */
	int place;			  /* in its column */
	OlistColumn *columns; /* of a Parallel or Map */
	int column_count;
	OlistEdge *edges;
	int edge_count;
	OlistMeasure measure;
	OlistShown shown;
	int x;
	int y;
	int width;
	int height;
} OlistNode;

typedef struct OlistLayout
{
	char *title;		/* "olist, run 12" */
	const char *status; /* of the run, NULL if none is shown */
	OlistTime started;
	OlistTime ended;
	OlistColumn top;
	int width; /* of the picture, in pixels, with its labels */
	int height;
	OlistNode **nodes; /* all, by id */
	int node_count;
	OlistJson *ids; /* of states by name */
} OlistLayout;

/* lay out a machine, in the current memory context */
extern OlistLayout *olist_layout_create(const OlistMachine *machine, const char *title);

/* the node of the state of that name, or NULL */
extern OlistNode *olist_layout_find(const OlistLayout *layout, const char *name);

/*
 * Say what the states did: after all measures have been filled in. now stands
 * for the end of what still runs.
 */
extern void
olist_layout_judge(OlistLayout *layout, const char *status, OlistTime started, OlistTime ended);

/* give every box its place in pixels */
extern void olist_layout_place(OlistLayout *layout);

/* what stands in a node: "Stage, map, 9 of 10", and "succeeded, 3.0 s, 5 rows" or "" */
extern char *olist_layout_name(const OlistNode *node);
extern char *olist_layout_did(const OlistNode *node);

/* "map, 9 of 10", "parallel", "" for a state that holds no others */
extern char *olist_layout_kind(const OlistNode *node);

/* "succeeded" */
extern const char *olist_shown_word(OlistShown shown);

/* the seconds it took, "3 ms", "12.3 s", "5 min 3 s" */
extern char *olist_layout_duration(OlistTime from, OlistTime to);

/* "1,550,922" */
extern char *olist_layout_count(int64 count);

/* text cut to at most `characters` characters, "..." being the last three if it was cut */
extern char *olist_layout_clip(const char *text, int characters);

/* how many characters UTF-8 text has */
extern int olist_layout_characters(const char *text);

#endif /* OLIST_LAYOUT_H */
