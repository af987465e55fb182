import panel as pn
from charts import boundary, dashboard

import replaychart as rc

pn.extension("vega")
page = pn.pane.HTML(rc.page(boundary), sizing_mode="stretch_width")
pn.Column(pn.pane.Vega(dashboard), page, sizing_mode="stretch_width").servable()
