/*
 * view/dot.c
 *		The picture as a Graphviz digraph.
 *
 * Edges between boxes run between invisible points inside of them and are cut
 * at the boxes' borders, as clusters themselves cannot be joined.
 */
#include "postgres.h"

#include "view/render.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

/* text inside double quotes */
static char *
escape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(&buf, '\\');
		appendStringInfoChar(&buf, (unsigned char) *text < 0x20 ? ' ' : *text);
	}
	return buf.data;
}

static char *
node_text(const OlistNode *node)
{
	char *did = olist_layout_did(node);

	return psprintf("%s%s%s", escape(olist_layout_name(node)), did[0] == '\0' ? "" : "\\n", did);
}

static void
append_nodes(StringInfo buf, const OlistColumn *column, int depth)
{
	check_stack_depth();
	for (int i = 0; i < column->count; i++)
	{
		const OlistNode *node = column->nodes[i];
		const char *fill = olist_render_fill(node->shown);
		const char *stroke = olist_render_stroke(node->shown);

		if (node->column_count == 0)
		{
			appendStringInfo(
				buf, "%*ss%d [label=\"%s\", shape=%s, fillcolor=\"%s\", color=\"%s\"];\n",
				depth * 2, "", node->id, node_text(node),
				node->state->kind == OLIST_STATE_CHOICE ? "diamond" : "box", fill, stroke);
			continue;
		}
		appendStringInfo(buf,
						 "%*ssubgraph cluster_s%d {\n%*slabel=\"%s\"; style=\"filled,rounded\"; "
						 "fillcolor=\"%s\"; color=\"%s\";\n%*ss%d [shape=point, style=invis];\n",
						 depth * 2, "", node->id, depth * 2 + 2, "", node_text(node), fill, stroke,
						 depth * 2 + 2, "", node->id);
		for (int c = 0; c < node->column_count; c++)
			append_nodes(buf, &node->columns[c], depth + 1);
		appendStringInfo(buf, "%*s}\n", depth * 2, "");
	}
}

static void
append_edge(StringInfo buf, const OlistNode *node, const OlistEdge *edge)
{
	appendStringInfo(buf, "  s%d -> s%d [label=\"%s\"", node->id, edge->to->id,
					 escape(edge->label));
	if (edge->kind == OLIST_EDGE_CATCH)
		appendStringInfoString(buf, ", style=dashed");
	if (node->column_count > 0)
		appendStringInfo(buf, ", ltail=cluster_s%d", node->id);
	if (edge->to->column_count > 0)
		appendStringInfo(buf, ", lhead=cluster_s%d", edge->to->id);
	appendStringInfoString(buf, "];\n");
}

char *
olist_render_dot(const OlistLayout *layout)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf,
					 "digraph workflow {\n  label=\"%s%s%s\"; labelloc=t; compound=true;\n"
					 "  node [style=\"filled,rounded\", fontname=\"sans-serif\"];\n",
					 escape(layout->title), layout->status == NULL ? "" : ": ",
					 layout->status == NULL ? "" : layout->status);
	append_nodes(&buf, &layout->top, 1);
	for (int i = 0; i < layout->node_count; i++)
	{
		for (int e = 0; e < layout->nodes[i]->edge_count; e++)
			append_edge(&buf, layout->nodes[i], &layout->nodes[i]->edges[e]);
	}
	appendStringInfoString(&buf, "}");
	return buf.data;
}
