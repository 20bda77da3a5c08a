{{ config(unique_key=['project_id', 'event_date']) }}

with report as ({{ to_build(ref('stg_media_report'), 'event_date') }}),

-- The report names campaigns; where two have the same names, no id is given.
campaigns as (
    select
        project_id,
        coalesce(source_name, '') as source,
        coalesce(placement_name, '') as campaign,
        case when count(*) = 1 then max(placement_id) end as placement_id,
        case when count(*) = 1 then max(placement_status) end as placement_status,
        case when count(distinct marketing_campaign_name) = 1
            then max(marketing_campaign_name)
        end as marketing_campaign
    from {{ ref('stg_campaigns') }}
    group by project_id, coalesce(source_name, ''), coalesce(placement_name, '')
)

select
    r.project_id,
    r.event_date,
    r.source,
    r.campaign,
    c.placement_id,
    c.placement_status,
    c.marketing_campaign,
    r.impressions,
    r.clicks,
    r.clicks / nullif(cast(r.impressions as float8), 0) as ctr,
    r.general_invalid_traffic,
    r.sophisticated_invalid_traffic,
    r.reach,
    r.frequency,
    r.conversions,
    r.amount
from report as r
left join campaigns as c
    on
        r.project_id = c.project_id
        and r.source = c.source
        and r.campaign = c.campaign
