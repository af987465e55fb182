import streamlit as st
from charts import boundary, dashboard

import replaychart as rc

st.set_page_config(layout="wide")
st.altair_chart(dashboard, theme=None, width="content")
shown = rc.page(boundary)
st.iframe(shown.html, height=shown.height)
