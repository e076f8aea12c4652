"""A step as one page of HTML: picture, numbers, chain rules, findings, no network."""

from graphscope.render.html.page import to_html as to_html
