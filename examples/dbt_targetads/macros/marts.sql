{#
  The rows of a relation that this run has to build.

  All of them the first time; then those of the last day built and of `lookback_days`
  before it, for each project by itself, since one may have failed where others went on.

  relation: what to read; it has a project_id.
  day: the column with the day, which the model has too.
#}
{% macro to_build(relation, day) %}
    select source_rows.*
    from {{ relation }} as source_rows
    {%- if is_incremental() %}
    left join (
        select
            project_id,
            max({{ day }}) - {{ var('lookback_days') | int }} as since
        from {{ this }}
        group by project_id
    ) as built on source_rows.project_id = built.project_id
    where built.since is null or source_rows.{{ day }} >= built.since
    {%- endif %}
{% endmacro %}


{#
  The channel of an interaction: source and campaign.

  The placement says it best; where there is none, the UTM tags.

  interaction, campaign: aliases of the interaction and of its row in stg_campaigns.
#}
{% macro channel(interaction, campaign) -%}
coalesce({{ campaign }}.source_name, {{ interaction }}.utm_source, '(none)') as source,
    coalesce(
        {{ campaign }}.placement_name,
        {{ interaction }}.media_campaign_name,
        {{ interaction }}.utm_campaign,
        '(none)'
    ) as campaign
{%- endmacro %}
