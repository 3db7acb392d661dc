"""Models in production: versions, stages, who put what there and why. Git and DVC hold all of it.

    reviews@v1.2.0          an annotated tag in GTO's format: a version
    reviews#production#2    another one: that version is in production, the second event of reviews
    mlops-registry          the branch that the tags' commits are on
      models/reviews.dvc    the bundle's bytes, as DVC holds them
      models/reviews.md     its model card
      models/reviews.json   its record: run, commit, data, config, environment, metrics, SHA-256
      models/reviews.yaml   the config of its run, where that was there
      models/signatures/    signatures of versions that were signed after they were registered
      models/audit.jsonl    the log of all that happened, each entry chained to the last by hash

What is written goes to a branch of its own: to register or promote a model touches neither the
branch that is checked out, nor its index, nor a file of the project, and works on a detached head
and before the first commit. The commit of a version has the commit of its run as a second parent,
so that the code of whatever was ever registered stays in the repository.

What happens is one transaction of git: the new commit of the branch, which holds the entry of the
audit log, and the tag. Whoever is killed leaves the state before it, or the one after.
"""
