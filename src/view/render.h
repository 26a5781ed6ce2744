/*
 * view/render.h
 *		The formats in which a layout is drawn; each gives UTF-8 text.
 */
#ifndef OLIST_RENDER_H
#define OLIST_RENDER_H

#include "view/layout.h"

/* an indented tree of at most 80 columns */
extern char *olist_render_text(const OlistLayout *layout);

/* a Mermaid flowchart */
extern char *olist_render_mermaid(const OlistLayout *layout);

/* a Graphviz digraph */
extern char *olist_render_dot(const OlistLayout *layout);

/* an SVG picture that needs nothing from elsewhere */
extern char *olist_render_svg(const OlistLayout *layout);

/* the colours of a state: background and border, "#rrggbb" */
extern const char *olist_render_fill(OlistShown shown);
extern const char *olist_render_stroke(OlistShown shown);

/* text with the characters that mean something in SVG and Mermaid replaced */
extern char *olist_render_escape(const char *text);

#endif /* OLIST_RENDER_H */
