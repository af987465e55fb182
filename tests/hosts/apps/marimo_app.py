import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo
    from charts import boundary, dashboard

    import replaychart as rc

    return boundary, dashboard, mo, rc


@app.cell
def _(dashboard):
    dashboard  # noqa: B018
    return


@app.cell
def _(dashboard, mo):
    mo.ui.altair_chart(dashboard)
    return


@app.cell
def _(boundary, rc):
    rc.page(boundary)
    return


if __name__ == "__main__":
    app.run()
