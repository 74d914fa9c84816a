"""One module a category of features, each with its `FEATURES` and its `POSITION`.

To add a category, add a module here: `catalog` finds it. Categories stand in order of `POSITION`, and features in the
order of their module. Models read the columns in that order, so a new category takes a position behind the others.
"""
